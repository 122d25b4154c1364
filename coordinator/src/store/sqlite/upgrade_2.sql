-- From version 2 to 3: studies can confirm what they found.
ALTER TABLE kindling_studies ADD COLUMN confirm TEXT;
ALTER TABLE kindling_trials ADD COLUMN confirms_of INTEGER;
ALTER TABLE kindling_trials ADD COLUMN confirms_seed INTEGER;
UPDATE kindling_meta SET value = 3 WHERE key = 'schema_version';
