-- Voiceflow's newer search tells of which environment, by its alias, and of which version a conversation was.
create or replace function ledger.facts_of_a_transcript() returns text[]
language sql immutable set search_path = '' as $$
    select array[
        'id', 'projectID', 'environmentID', 'environmentAlias', 'version', 'createdAt', 'updatedAt', 'expiresAt',
        'endedAt'
    ]
$$;
