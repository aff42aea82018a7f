-- A ciphertext is bound to the id of its row, so the id must be known before the row is written.
grant usage on sequence control.credentials_credential_id_seq, control.data_keys_data_key_id_seq to minutebook_operator;
