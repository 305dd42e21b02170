"""Make subscriptions and their relations: PostgreSQL makes them, as functions of their numbers."""

import asyncpg

PREPARE = (
    """
    CREATE TEMPORARY TABLE made (
        number               bigint,
        kind                 text, -- the second half of the name of its workflows
        fate                 text,
        subscription_id      uuid,
        product_id           uuid,
        customer_id          uuid,
        depends_on           uuid,
        description          text,
        status               text,
        held_by              text,
        discrepancy_found_by text,
        start_date           timestamptz,
        end_date             timestamptz,
        block                jsonb,
        created_at           timestamptz,
        image                jsonb -- the subscription as a step returns it
    )
    """,
)

# All names are equally long: none begins with another, so that a search finds one of them.
# Of each block of 1,000, 20 are groups; number 0 has most users, 19 is terminated and has none.
MAKE = """
    WITH numbered AS (
        SELECT number, number / 1000 AS block, number % 1000 AS place
        FROM generate_series($1::bigint, $2::bigint) AS number
    ), fated AS (
        SELECT number, place, place < 20 AS is_group,
               CASE WHEN place >= 20 THEN block * 1000 + floor(19 * power((place - 20) / 980.0, 2))::bigint
               END AS group_number,
               CASE
                   WHEN place = 500 AND block % 4 = 0 THEN 'parked'
                   WHEN place = 501 AND block % 4 = 0 THEN 'lost'
                   WHEN place = 502 AND block % 4 = 0 THEN 'different'
                   WHEN place = 503 AND block % 4 = 0 THEN 'running'
                   WHEN place = 504 THEN 'aborted'
                   WHEN place = 505 THEN 'refused'
                   WHEN place = 19 OR place >= 30 AND place % 7 = 0 THEN 'terminated'
                   ELSE 'plain'
               END AS fate,
               timestamptz '2020-01-01 00:00Z' + number * interval '1 minute' AS created_at
        FROM numbered
    ), valued AS (
        SELECT f.*,
               CASE WHEN is_group THEN 'user_group' ELSE 'user' END AS kind,
               CASE
                   WHEN is_group THEN 'User Group'
                   WHEN place % 4 = 0 THEN 'User external'
                   ELSE 'User internal'
               END AS product,
               CASE fate
                   WHEN 'parked' THEN 'provisioning'
                   WHEN 'lost' THEN 'initial'
                   WHEN 'terminated' THEN 'terminated'
                   ELSE 'active'
               END AS status,
               md5(format('subscription %s', number))::uuid AS subscription_id,
               md5(format('subscription %s', group_number))::uuid AS depends_on,
               CASE WHEN fate <> 'lost' THEN format('name-%s', lpad(number::text, 7, '0')) END AS name,
               CASE WHEN fate NOT IN ('parked', 'lost') THEN number END AS outside_id,
               jsonb_build_object(
                   'group_name', format('name-%s', lpad(group_number::text, 7, '0')), 'group_id', group_number
               ) AS group_block
        FROM fated f
    ), described AS (
        SELECT v.*, p.product_id, p.product_type, p.tag, p.fixed_inputs, p.description AS product_description,
               CASE
                   WHEN is_group THEN format('User Group %s', v.name)
                   WHEN fate = 'lost' THEN format('Initial subscription of %s', p.description)
                   ELSE format('User %s from group name-%s (%s)',
                               v.name, lpad(group_number::text, 7, '0'), p.fixed_inputs ->> 'affiliation')
               END AS description,
               CASE
                   WHEN is_group THEN jsonb_build_object('group_name', v.name, 'group_id', outside_id)
                   ELSE jsonb_build_object(
                       'username', v.name, 'age', 18 + place % 60, 'user_id', outside_id, 'group', depends_on)
               END AS block,
               CASE fate
                   WHEN 'parked' THEN format('create_%s-%s', kind, md5(format('process %s 1', number))::uuid)
                   WHEN 'lost' THEN format('create_%s-%s', kind, md5(format('process %s 1', number))::uuid)
                   WHEN 'running' THEN format('modify_%s-%s', kind, md5(format('process %s 3', number))::uuid)
               END AS held_by
        FROM valued v
        JOIN products p ON p.name = v.product
    )
    INSERT INTO made
    SELECT number, kind, fate, subscription_id, product_id,
           md5(format('customer %s', number))::uuid AS customer_id,
           CASE WHEN NOT is_group THEN depends_on END,
           description, status, held_by,
           CASE WHEN fate = 'different'
           THEN format('validate_%s-%s', kind, md5(format('process %s 3', number))::uuid) END,
           CASE WHEN status IN ('active', 'terminated') THEN created_at + interval '2 seconds' END,
           CASE WHEN status = 'terminated' THEN created_at + interval '30 days' END,
           block, created_at,
           jsonb_build_object(
               'subscription_id', subscription_id,
               'product', jsonb_build_object(
                   'name', product, 'type', product_type, 'tag', tag, 'description', product_description),
               'customer_id', md5(format('customer %s', number))::uuid, 'description', description,
               'status', CASE status WHEN 'terminated' THEN 'active' ELSE status END,
               'insync', true, 'held_by', null, 'discrepancy_found_by', null,
               'start_date', CASE WHEN status IN ('active', 'terminated') THEN created_at END,
               'end_date', null, 'note', null, 'version', 1,
               kind, CASE
                   WHEN is_group THEN block
                   ELSE block || fixed_inputs || jsonb_build_object(
                       'group', group_block || jsonb_build_object('owner_subscription_id', depends_on))
               END
           )
    FROM described
"""

INSERT = (
    """
    INSERT INTO subscriptions (
        subscription_id, product_id, customer_id, description, status, held_by, discrepancy_found_by,
        start_date, end_date, version, fence, block, created_at
    )
    SELECT subscription_id, product_id, customer_id, description, status, held_by, discrepancy_found_by,
           start_date, end_date, 1, 1, block, created_at
    FROM made
    """,
    """
    INSERT INTO subscription_relations (subscription_id, depends_on)
    SELECT subscription_id, depends_on FROM made WHERE depends_on IS NOT NULL
    """,
)


async def create_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create the temporary table in which subscriptions are made."""
    for table in PREPARE:
        await connection.execute(table)


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", first: int, last: int) -> None:
    """Insert the subscriptions with these numbers, and their relations."""
    await connection.execute("TRUNCATE made")
    await connection.execute(MAKE, first, last)
    for statement in INSERT:
        await connection.execute(statement)
