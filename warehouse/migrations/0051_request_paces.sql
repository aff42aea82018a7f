-- One pace per provider and key, kept by all runs together: the night, a backfill and a person may ask with one key at once.
create unlogged table ledger.request_paces (
    provider text not null,
    key_fingerprint bytea not null check (octet_length(key_fingerprint) = 8),
    next_start timestamptz not null,
    primary key (provider, key_fingerprint)
) with (fillfactor = 50);
comment on table ledger.request_paces is
'Until when the time of a key is taken, by requests or by a pause the provider asked for. Unlogged: after a crash nobody'
' waits. The fingerprint is the beginning of a hash; no key can be told from it.';
grant select, insert, update on ledger.request_paces to minutebook_loader;
