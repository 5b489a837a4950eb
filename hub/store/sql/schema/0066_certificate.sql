-- Why: a scanner whose certificate no authority of ours has signed is known by the certificate itself.
ALTER TABLE consilium.ae ADD COLUMN cert_sha256 text CHECK (cert_sha256 ~ '^[0-9a-f]{64}$');
