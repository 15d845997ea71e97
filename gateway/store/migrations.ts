import { type ColumnDefinitionBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlDialect } from './dialect.ts'
import type { Schema } from './schema.ts'

/**
 * Every change of the tables, oldest first, by a name that never changes. A migration that has been
 * released is never edited: the next change is a new one.
 */
export const migrationsFor = (terms: SqlDialect): Record<string, Migration> => ({
  '001-first-tables': {
    async up(db: Kysely<Schema>) {
      await createAccountTables(db, terms)
      await createOAuthTable(db, terms)
      await createSessionTables(db, terms)
    }
  },
  '002-nodes': {
    async up(db: Kysely<Schema>) {
      await db.schema
        .createTable('nodes')
        .addColumn('id', terms.text, (column) => column.primaryKey())
        .addColumn('host', terms.text, (column) => column.notNull())
        .addColumn('port', 'integer', (column) => column.notNull())
        .addColumn('ops_port', 'integer', (column) => column.notNull())
        .addColumn('state', terms.text, (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema.createIndex('owners_node').on('owners').column('node').execute()
    }
  },
  '003-sign-in-by-tool': {
    async up(db: Kysely<Schema>) {
      const { schema } = db
      await schema.alterTable('sessions').addColumn('level', terms.text).execute()
      await schema.alterTable('sessions').addColumn('expires_at', 'bigint').execute()
      await schema.alterTable('sessions').addColumn('token_hash', terms.text).execute()
      await schema.createIndex('sessions_expires').on('sessions').column('expires_at').execute()
    }
  },
  '004-store-check': {
    async up({ schema }: Kysely<Schema>) {
      await schema
        .createTable('store_check')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute()
    }
  },
  '005-key-check': {
    async up({ schema }: Kysely<Schema>) {
      await schema
        .createTable('key_check')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('sealed', terms.text, (column) => column.notNull())
        .addColumn('kid', terms.text, (column) => column.notNull())
        .execute()
      await schema.createIndex('google_grants_kid').on('google_grants').column('kid').execute()
    }
  },
  '006-lease-floor': {
    async up(db: Kysely<Schema>) {
      await db.schema
        .createTable('lease_floor')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('epoch', 'bigint', (column) => column.notNull())
        .execute()
      await db.insertInto('lease_floor').values({ id: 1, epoch: 0 }).execute()
      // Leases are renewed all the time: room in the page keeps the index out of it.
      if (terms.engine === 'postgres')
        await sql`alter table owners set (fillfactor = 50)`.execute(db)
    }
  },
  '007-sends': {
    up: (db: Kysely<Schema>) => createSendsTable(db, terms)
  },
  '008-account-choices': {
    async up({ schema }: Kysely<Schema>) {
      await schema
        .createTable('account_choices')
        .addColumn('user_id', terms.text, (column) =>
          column.primaryKey().references('users.id').onDelete('cascade')
        )
        .addColumn('policy', terms.text, (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .execute()
    }
  },
  '009-peers': {
    async up({ schema }: Kysely<Schema>) {
      await schema.alterTable('nodes').addColumn('peer_url', terms.text).execute()
      for (const name of ['workers', 'worker_limit'])
        await schema
          .alterTable('nodes')
          .addColumn(name, 'integer', (column) => column.notNull().defaultTo(0))
          .execute()
    }
  },
  '010-changes': {
    up: (db: Kysely<Schema>) => createChangeTables(db, terms)
  },
  '011-mailbox-links': {
    up: (db: Kysely<Schema>) => createMailboxLinks(db, terms)
  },
  '012-lent-mailboxes': {
    async up({ schema }: Kysely<Schema>) {
      await schema.alterTable('mailbox_links').addColumn('expires_at', 'bigint').execute()
    }
  }
})

async function createAccountTables({ schema }: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  await schema
    .createTable('users')
    .addColumn('id', terms.text, (column) => column.primaryKey())
    .addColumn('email', terms.text, (column) => column.notNull())
    .addColumn('hd', terms.text)
    .addColumn('state', terms.text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('google_grants')
    .addColumn('user_id', terms.text, (column) =>
      column.primaryKey().references('users.id').onDelete('cascade')
    )
    .addColumn('sealed', terms.text, (column) => column.notNull())
    .addColumn('kid', terms.text, (column) => column.notNull())
    .addColumn('scopes', terms.text, (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('personal_tokens')
    .addColumn('hash', terms.text, (column) => column.primaryKey())
    .addColumn('user_id', terms.text, (column) =>
      column.notNull().references('users.id').onDelete('cascade')
    )
    .addColumn('name', terms.text, (column) => column.notNull())
    .addColumn('level', terms.text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .execute()
  await schema
    .createIndex('personal_tokens_user')
    .on('personal_tokens')
    .columns(['user_id'])
    .execute()
}

async function createOAuthTable({ schema }: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  await schema
    .createTable('oauth')
    .addColumn('model', terms.text, (column) => column.notNull())
    .addColumn('id', terms.text, (column) => column.notNull())
    .addColumn('payload', terms.text, (column) => column.notNull())
    .addColumn('grant_id', terms.text)
    .addColumn('uid', terms.text)
    .addColumn('user_id', terms.text)
    .addColumn('client_id', terms.text)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('consumed_at', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addPrimaryKeyConstraint('oauth_key', ['model', 'id'])
    .execute()
  for (const column of ['grant_id', 'uid', 'user_id', 'client_id', 'expires_at'] as const) {
    await schema.createIndex(`oauth_${column}`).on('oauth').column(column).execute()
  }
}

async function createSessionTables({ schema }: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  await schema
    .createTable('sessions')
    .addColumn('hash', terms.text, (column) => column.primaryKey())
    .addColumn('handle', terms.text, (column) => column.notNull().unique())
    .addColumn('user_id', terms.text, (column) => column.notNull())
    .addColumn('client_id', terms.text, (column) => column.notNull())
    .addColumn('client_name', terms.text, (column) => column.notNull())
    .addColumn('client_version', terms.text, (column) => column.notNull())
    .addColumn('protocol_version', terms.text, (column) => column.notNull())
    .addColumn('initialize', terms.text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('sessions_user').on('sessions').column('user_id').execute()
  await schema.createIndex('sessions_last_seen').on('sessions').column('last_seen_at').execute()
  await schema
    .createTable('owners')
    .addColumn('user_id', terms.text, (column) => column.primaryKey())
    .addColumn('node', terms.text, (column) => column.notNull())
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  const audit = schema.createTable('audit')
  const counted =
    terms.engine === 'sqlite'
      ? audit.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      : audit.addColumn('id', 'bigint', (column) =>
          column.generatedByDefaultAsIdentity().primaryKey()
        )
  await counted
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', terms.text, (column) => column.notNull())
    .addColumn('action', terms.text, (column) => column.notNull())
    .addColumn('target', terms.text, (column) => column.notNull())
    .addColumn('reason', terms.text)
    .addColumn('request_id', terms.text)
    .execute()
  await schema.createIndex('audit_at').on('audit').column('at').execute()
}

async function createSendsTable({ schema }: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  await schema
    .createTable('sends')
    .addColumn('user_id', terms.text, (column) =>
      column.notNull().references('users.id').onDelete('cascade')
    )
    .addColumn('key', terms.text, (column) => column.notNull())
    .addColumn('content', terms.text, (column) => column.notNull())
    .addColumn('message_id', terms.text, (column) => column.notNull())
    .addColumn('sent_id', terms.text)
    .addColumn('thread_id', terms.text)
    .addColumn('begun_at', 'bigint', (column) => column.notNull())
    .addColumn('window_ms', 'bigint', (column) => column.notNull())
    .addColumn('forget_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('sends_key', ['user_id', 'key'])
    .execute()
  await schema.createIndex('sends_forget').on('sends').column('forget_at').execute()
}

async function createMailboxLinks({ schema }: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  const ofUser = (column: ColumnDefinitionBuilder) =>
    column.notNull().references('users.id').onDelete('cascade')
  await schema
    .createTable('mailbox_links')
    .addColumn('user_id', terms.text, ofUser)
    .addColumn('mailbox_id', terms.text, ofUser)
    .addColumn('level', terms.text, (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('mailbox_links_key', ['user_id', 'mailbox_id'])
    .execute()
  await schema
    .createIndex('mailbox_links_mailbox')
    .on('mailbox_links')
    .column('mailbox_id')
    .execute()
}

async function createChangeTables(db: Kysely<Schema>, terms: SqlDialect): Promise<void> {
  await db.schema
    .createTable('change_version')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .execute()
  await db.insertInto('change_version').values({ id: 1, version: 0 }).execute()
  await db.schema
    .createTable('changes')
    .addColumn('version', 'bigint', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('node', terms.text, (column) => column.notNull())
    .addColumn('kind', terms.text, (column) => column.notNull())
    .addColumn('subject', terms.text, (column) => column.notNull())
    .execute()
}
