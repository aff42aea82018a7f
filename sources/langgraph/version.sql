-- The last migration that the checkpointer made of its tables.
select max(v) as version from checkpoint_migrations
