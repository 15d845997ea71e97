import t from 'tap'
import { nearNames } from '#shared/near-names.ts'

const KNOWN = ['messageId', 'maxResults', 'dryRun', 'subject', 'to', 'cc', 'bcc']

t.test('a name that was mistyped is found', async (t) => {
  for (const [given, meant] of [
    ['message_id', 'messageId'],
    ['MessageID', 'messageId'],
    ['mesageId', 'messageId'],
    ['max-result', 'maxResults'],
    ['dry_run', 'dryRun'],
    ['subejct', 'subject'],
    ['To', 'to']
  ] as const)
    t.equal(nearNames(given, KNOWN)[0], meant, given)
})

t.test('a name of its own is not', async (t) => {
  for (const given of ['wait_for_previous', 'reasoning', 'intent', 'x', 'title', '__proto__', ''])
    t.same(nearNames(given, KNOWN), [], given)
})

t.test('the nearest comes first', async (t) => {
  t.same(nearNames('cc_', KNOWN), ['cc', 'bcc'])
})
