import type { Mailbox } from '../mailbox/mailbox.ts'
import type { StoredMessage } from '../mailbox/stored-message.ts'
import { OPERATORS, type Predicate, type SearchContext } from './operators.ts'
import { parseQuery, type Query } from './parse.ts'
import { hasWords, wordForm } from './words.ts'

export interface Search {
  readonly matches: Predicate
  /** Whether the query itself asks for mail in spam or trash. */
  readonly reachesSpamTrash: boolean
  /** The only messages that can match, when an index knows them. */
  readonly candidates: readonly StoredMessage[] | undefined
}

/** A Gmail search over one mailbox; `now` in milliseconds. The empty query matches everything. */
export function compileSearch(text: string, mailbox: Mailbox, now: number): Search {
  const query = parseQuery(text)
  return {
    matches: toPredicate(query, { mailbox, now }),
    reachesSpamTrash: reachesSpamTrash(query),
    candidates: knownCandidates(query, mailbox)
  }
}

function toPredicate(query: Query, context: SearchContext): Predicate {
  switch (query.kind) {
    case 'not': {
      const inner = toPredicate(query.term, context)
      return (message) => !inner(message)
    }
    case 'term': {
      const operator = OPERATORS[query.field]
      if (operator) return operator(query.value, context)
      return hasText(query.field === '' ? query.value : `${query.field}:${query.value}`)
    }
    default: {
      const inner = query.terms.map((term) => toPredicate(term, context))
      return query.kind === 'and'
        ? (message) => inner.every((matches) => matches(message))
        : (message) => inner.some((matches) => matches(message))
    }
  }
}

const texts = new WeakMap<StoredMessage, string>()

function hasText(value: string): Predicate {
  return (message) => {
    const form = texts.get(message) ?? searchableText(message)
    texts.set(message, form)
    return hasWords(form, value)
  }
}

function searchableText({ mail }: StoredMessage): string {
  const people = mail.addresses('From', 'To', 'Cc').map(({ name, address }) => `${name} ${address}`)
  return wordForm([mail.subject, ...people, mail.text, ...mail.filenames].join(' \n '))
}

const OUTSIDE = new Set(['anywhere', 'spam', 'junk', 'trash', 'bin'])

function reachesSpamTrash(query: Query): boolean {
  if (query.kind === 'not') return false
  if (query.kind !== 'term') return query.terms.some(reachesSpamTrash)
  return ['in', 'is', 'label'].includes(query.field) && OUTSIDE.has(query.value.toLowerCase())
}

function knownCandidates(query: Query, mailbox: Mailbox): readonly StoredMessage[] | undefined {
  const terms = query.kind === 'and' ? query.terms : [query]
  const byId = terms.find((term) => term.kind === 'term' && term.field === 'rfc822msgid')
  if (byId?.kind !== 'term') return undefined
  return mailbox.byMessageId(`<${byId.value.replace(/^<|>$/g, '')}>`)
}
