-- atlas:delimiter \n\n

-- Written by hand: ent knows no triggers.
--
-- The audit trail only grows. What may go is what a removal checkpoint covers, which retention writes
-- first. Whoever can write the file can drop these triggers; the chain of audit_seals shows it.
CREATE TRIGGER keep_events_unchanged BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END

CREATE TRIGGER keep_seals_unchanged BEFORE UPDATE ON audit_seals
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END

CREATE TRIGGER keep_checkpoints_unchanged BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END

CREATE TRIGGER keep_events BEFORE DELETE ON audit_events
WHEN NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.event_id = OLD.id
  AND s.id <= (SELECT MAX(seal_id) FROM audit_checkpoints WHERE kind = 'removal'))
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END

CREATE TRIGGER keep_seals BEFORE DELETE ON audit_seals
WHEN NOT OLD.id <= (SELECT COALESCE(MAX(seal_id), 0) FROM audit_checkpoints WHERE kind = 'removal')
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END

CREATE TRIGGER keep_checkpoints BEFORE DELETE ON audit_checkpoints
WHEN NOT OLD.seal_id < (SELECT COALESCE(MAX(seal_id), 0) FROM audit_checkpoints WHERE kind = 'removal')
BEGIN SELECT RAISE(ABORT, 'the audit trail cannot be changed'); END
