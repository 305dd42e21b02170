-- The own database of one fake external system: its role and schema bear its name.
CREATE TABLE IF NOT EXISTS records (
    subscription_id uuid    CONSTRAINT records_pkey PRIMARY KEY,
    record_id       integer GENERATED ALWAYS AS IDENTITY,
    attributes      jsonb, -- null where it was removed, or never was
    token           bigint  NOT NULL, -- the highest fencing token seen
    removed         boolean NOT NULL DEFAULT false -- a tombstone: it can never be made again
);

CREATE TABLE IF NOT EXISTS faults (
    fault_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT faults_pkey PRIMARY KEY,
    kind     text    NOT NULL
        CONSTRAINT faults_kind_known CHECK (kind IN ('slow', 'unreachable', 'answer lost', 'reject')),
    name     text,             -- reject: requests for this name; null: all
    seconds  double precision, -- slow: how long a call takes
    times    integer           -- how many calls it still strikes; null: all, until it is cleared
);
