-- Made by `make docs` from the revisions in migrations/versions.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE turns (
    id INTEGER NOT NULL,
    platform VARCHAR(32) NOT NULL,
    bot VARCHAR(64) NOT NULL,
    "key" VARCHAR(255) NOT NULL,
    session VARCHAR(255) NOT NULL,
    sender VARCHAR(128) NOT NULL,
    partition INTEGER NOT NULL,
    owner VARCHAR(64),
    lease_until FLOAT,
    fence BIGINT DEFAULT 0 NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempt INTEGER DEFAULT 1 NOT NULL,
    received FLOAT NOT NULL,
    finished FLOAT,
    reason TEXT,
    message TEXT NOT NULL,
    record TEXT,
    PRIMARY KEY (id),
    CONSTRAINT turns_message UNIQUE (platform, bot, "key")
);
CREATE INDEX turns_session ON turns (session, id);
CREATE INDEX turns_open ON turns (id) WHERE state IN ('queued', 'running', 'parked', 'waiting');
CREATE TABLE outbox (
    turn INTEGER NOT NULL,
    n INTEGER NOT NULL,
    platform VARCHAR(32) NOT NULL,
    bot VARCHAR(64) NOT NULL,
    session VARCHAR(255) NOT NULL,
    kind VARCHAR(16) DEFAULT 'message' NOT NULL,
    address TEXT NOT NULL,
    parts TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    again BOOLEAN DEFAULT 0 NOT NULL,
    next_at FLOAT DEFAULT 0 NOT NULL,
    error TEXT,
    sent_id VARCHAR(255),
    notes TEXT,
    created FLOAT NOT NULL,
    ended FLOAT,
    PRIMARY KEY (turn, n)
)
 WITHOUT ROWID;
CREATE INDEX outbox_open ON outbox (turn, n) WHERE state <> 'sent';
CREATE TABLE memo (
    turn INTEGER NOT NULL,
    step VARCHAR(128) NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (turn, step)
)
 WITHOUT ROWID;
CREATE TABLE sessions (
    session VARCHAR(255) NOT NULL,
    platform VARCHAR(32) NOT NULL,
    bot VARCHAR(64) NOT NULL,
    vars TEXT NOT NULL,
    updated FLOAT NOT NULL,
    PRIMARY KEY (session)
);
CREATE TABLE keep (
    platform VARCHAR(32) NOT NULL,
    bot VARCHAR(64) NOT NULL,
    "key" VARCHAR(255) NOT NULL,
    value TEXT NOT NULL,
    ends FLOAT,
    PRIMARY KEY (platform, bot, "key")
)
 WITHOUT ROWID;
CREATE TABLE spending (
    "by" VARCHAR(16) NOT NULL,
    who VARCHAR(255) NOT NULL,
    day VARCHAR(10) NOT NULL,
    calls BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    money BIGINT NOT NULL,
    PRIMARY KEY ("by", who, day)
)
 WITHOUT ROWID;
INSERT INTO alembic_version (version_num) VALUES ('0003');
