"""Who may do what: database logins, page logins, credentials, the audit log."""
