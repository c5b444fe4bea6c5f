-- Written by hand: ent knows neither functions nor triggers.
--
-- The audit trail only grows. What may go is what a removal checkpoint covers, which retention writes
-- first. Whoever owns the tables can drop these triggers; the chain of audit_seals shows it.
CREATE FUNCTION mpauth_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail cannot be changed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION mpauth_audit_removed() RETURNS bigint LANGUAGE sql STABLE AS
  'SELECT COALESCE(MAX(seal_id), 0) FROM audit_checkpoints WHERE kind = ''removal''';

CREATE FUNCTION mpauth_refuse_audit_event_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM audit_seals s WHERE s.event_id = OLD.id AND s.id <= mpauth_audit_removed()) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit trail cannot be changed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION mpauth_refuse_audit_seal_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.id <= mpauth_audit_removed() THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit trail cannot be changed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION mpauth_refuse_audit_checkpoint_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.seal_id < mpauth_audit_removed() THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit trail cannot be changed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER keep_unchanged BEFORE UPDATE ON "audit_events" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep_unchanged BEFORE UPDATE ON "audit_seals" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep_unchanged BEFORE UPDATE ON "audit_checkpoints" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON "audit_events" FOR EACH STATEMENT EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON "audit_seals" FOR EACH STATEMENT EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON "audit_checkpoints" FOR EACH STATEMENT EXECUTE FUNCTION mpauth_refuse_audit_change();
CREATE TRIGGER keep BEFORE DELETE ON "audit_events" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_event_removal();
CREATE TRIGGER keep BEFORE DELETE ON "audit_seals" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_seal_removal();
CREATE TRIGGER keep BEFORE DELETE ON "audit_checkpoints" FOR EACH ROW EXECUTE FUNCTION mpauth_refuse_audit_checkpoint_removal();
