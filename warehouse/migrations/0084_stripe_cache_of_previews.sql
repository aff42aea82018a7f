-- Lists of products and prices, and what Stripe would invoice a customer next, are kept like the rest of what it says.
alter table ledger.stripe_cache drop constraint stripe_cache_kind_check;
delete from ledger.stripe_cache
where kind = 'product';
alter table ledger.stripe_cache add constraint stripe_cache_kind_check check (
    kind in ('meters', 'products', 'prices', 'price', 'customer', 'subscriptions', 'invoices', 'upcoming')
);
comment on table ledger.stripe_cache is
'What Stripe said, for a while. Stripe is the source of truth of all of it. A body of null was changed before it was read.';
