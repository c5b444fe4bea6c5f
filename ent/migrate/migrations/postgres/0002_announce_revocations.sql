-- Written by hand: ent knows neither functions nor triggers.
--
-- Wakes the replicas when a session or a person's tokens end. The rows are the truth and are polled
-- for; the notice, which PostgreSQL sends at commit, only makes it quicker.
CREATE FUNCTION mpauth_announce_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('mpauth_revocations', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER announce_revocation AFTER INSERT ON "audit_events"
  FOR EACH ROW WHEN (NEW.revokes IS NOT NULL)
  EXECUTE FUNCTION mpauth_announce_revocation();
