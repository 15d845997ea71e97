import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Schema } from './schema.ts'

/**
 * Every change of the tables, oldest first, by a name that never changes. A migration that has been
 * released is never edited: the next change is a new one.
 */
export const MIGRATIONS: Record<string, Migration> = {
  '001-first-tables': {
    async up(db: Kysely<Schema>) {
      await createAccountTables(db)
      await createOAuthTable(db)
      await createSessionTables(db)
    }
  },
  '002-nodes': {
    async up(db: Kysely<Schema>) {
      await db.schema
        .createTable('nodes')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('host', 'text', (column) => column.notNull())
        .addColumn('port', 'integer', (column) => column.notNull())
        .addColumn('ops_port', 'integer', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute()
      await db.schema.createIndex('owners_node').on('owners').column('node').execute()
    }
  },
  '003-sign-in-by-tool': {
    async up(db: Kysely<Schema>) {
      const { schema } = db
      await schema.alterTable('sessions').addColumn('level', 'text').execute()
      await schema.alterTable('sessions').addColumn('expires_at', 'bigint').execute()
      await schema.alterTable('sessions').addColumn('token_hash', 'text').execute()
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
        .addColumn('sealed', 'text', (column) => column.notNull())
        .addColumn('kid', 'text', (column) => column.notNull())
        .execute()
      await schema.createIndex('google_grants_kid').on('google_grants').column('kid').execute()
    }
  }
}

async function createAccountTables({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('users')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('hd', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('google_grants')
    .addColumn('user_id', 'text', (column) =>
      column.primaryKey().references('users.id').onDelete('cascade')
    )
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('personal_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) =>
      column.notNull().references('users.id').onDelete('cascade')
    )
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('level', 'text', (column) => column.notNull())
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

async function createOAuthTable({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('oauth')
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('payload', 'text', (column) => column.notNull())
    .addColumn('grant_id', 'text')
    .addColumn('uid', 'text')
    .addColumn('user_id', 'text')
    .addColumn('client_id', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('consumed_at', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addPrimaryKeyConstraint('oauth_key', ['model', 'id'])
    .execute()
  for (const column of ['grant_id', 'uid', 'user_id', 'client_id', 'expires_at'] as const) {
    await schema.createIndex(`oauth_${column}`).on('oauth').column(column).execute()
  }
}

async function createSessionTables({ schema }: Kysely<Schema>): Promise<void> {
  await schema
    .createTable('sessions')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('handle', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('client_id', 'text', (column) => column.notNull())
    .addColumn('client_name', 'text', (column) => column.notNull())
    .addColumn('client_version', 'text', (column) => column.notNull())
    .addColumn('protocol_version', 'text', (column) => column.notNull())
    .addColumn('initialize', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema.createIndex('sessions_user').on('sessions').column('user_id').execute()
  await schema.createIndex('sessions_last_seen').on('sessions').column('last_seen_at').execute()
  await schema
    .createTable('owners')
    .addColumn('user_id', 'text', (column) => column.primaryKey())
    .addColumn('node', 'text', (column) => column.notNull())
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await schema
    .createTable('audit')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('target', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('request_id', 'text')
    .execute()
  await schema.createIndex('audit_at').on('audit').column('at').execute()
}
