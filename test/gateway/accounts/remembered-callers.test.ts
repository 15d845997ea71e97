import t from 'tap'
import { GatewayError } from '#shared/errors.ts'
import { asUserId } from '#shared/ids.ts'
import type { Caller } from '../../../gateway/accounts/bearer-tokens.ts'
import { rememberCallers } from '../../../gateway/accounts/remembered-callers.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const ann: Caller = {
  userId: asUserId('ann'),
  clientId: 'c',
  level: 'gmail.read',
  expiresAt: 1000,
  credential: 'oauth',
  accessId: 'a'
}
const away = new GatewayError('ERR_STORE', 'away')

function lab() {
  const clock = new FakeClock()
  const asked: unknown[] = []
  const state = { goesOn: true, answer: async (): Promise<Caller | undefined> => ann }
  const tokens = rememberCallers({
    tokens: {
      verify: (_token, patience) => {
        asked.push(patience)
        return state.answer()
      },
      isLive: async () => true
    },
    clock,
    goesOn: () => state.goesOn
  })
  const fails = (error: Error) => {
    state.answer = async () => {
      throw error
    }
  }
  return { clock, asked, state, tokens, fails }
}

t.test('a token that was good counts while the database cannot be asked', async (t) => {
  const { asked, tokens, fails } = lab()
  t.equal(await tokens.verify('one'), ann)
  fails(away)
  t.equal(await tokens.verify('one'), ann)
  await t.rejects(tokens.verify('two'), away, 'not one of which nothing is known')
  t.same(asked, [undefined, 'soon', undefined], 'who has an answer does not wait for long')
})

t.test('not longer than itself, or than the lease of its person', async (t) => {
  const { clock, state, tokens, fails } = lab()
  await tokens.verify('one')
  fails(away)
  state.goesOn = false
  await t.rejects(tokens.verify('one'), away)
  state.goesOn = true
  t.equal(await tokens.verify('one'), ann)
  clock.advance(1_000_000)
  await t.rejects(tokens.verify('one'), away)
})

t.test('nor after the database has said no', async (t) => {
  const { state, tokens, fails } = lab()
  await tokens.verify('one')
  state.answer = async () => undefined
  t.equal(await tokens.verify('one'), undefined)
  fails(away)
  await t.rejects(tokens.verify('one'), away)
  state.answer = async () => ann
  await tokens.verify('one')
  const blocked = new GatewayError('ERR_ACCOUNT_BLOCKED', 'blocked')
  fails(blocked)
  await t.rejects(tokens.verify('one'), blocked)
  fails(away)
  await t.rejects(tokens.verify('one'), away)
})
