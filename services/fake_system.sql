-- The own database of one fake external system: its role and schema bear its name.
CREATE TABLE IF NOT EXISTS records (
    subscription_id uuid    CONSTRAINT records_pkey PRIMARY KEY,
    record_id       integer GENERATED ALWAYS AS IDENTITY,
    attributes      jsonb, -- null where it was removed, or never was
    token           bigint  NOT NULL, -- the highest fencing token seen
    removed         boolean NOT NULL DEFAULT false -- a tombstone: it can never be made again
);

-- What has really changed, in order: a call that is repeated and finds its work done leaves nothing here.
CREATE TABLE IF NOT EXISTS changes (
    change_id       integer GENERATED ALWAYS AS IDENTITY CONSTRAINT changes_pkey PRIMARY KEY,
    subscription_id uuid   NOT NULL,
    token           bigint NOT NULL, -- the highest seen then: that of the call
    attributes      jsonb -- null: it was removed
);

CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (subscription_id, token, attributes)
    VALUES (NEW.subscription_id, NEW.token, NEW.attributes);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER records_changed
AFTER UPDATE ON records
FOR EACH ROW WHEN (OLD.attributes IS DISTINCT FROM NEW.attributes)
EXECUTE FUNCTION note_change();

CREATE TABLE IF NOT EXISTS faults (
    fault_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT faults_pkey PRIMARY KEY,
    kind     text    NOT NULL
        CONSTRAINT faults_kind_known CHECK (kind IN ('slow', 'unreachable', 'answer lost', 'reject')),
    name     text,             -- reject: requests for this name; null: all
    seconds  double precision, -- slow: how long a call takes
    times    integer           -- how many calls it still strikes; null: all, until it is cleared
);
