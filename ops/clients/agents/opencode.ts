import { bearer } from '../bearer.ts'
import { ENTER, typedAtTerminal } from '../sign-in.ts'
import { agent } from './agent.ts'

export const opencode = agent({
  name: 'opencode',
  packages: ['opencode-ai@1.18.33'],
  configure: (home, target, model) =>
    home.write('.config/opencode/opencode.json', {
      autoupdate: false,
      share: 'disabled',
      model: 'standin/stand-in',
      provider: {
        standin: {
          npm: '@ai-sdk/openai-compatible',
          name: 'stand-in',
          options: { baseURL: `${model}/v1`, apiKey: 'none' },
          models: { 'stand-in': { name: 'stand-in' } }
        }
      },
      mcp: {
        gmail: {
          type: 'remote',
          url: target.url,
          enabled: true,
          headers: bearer(target)
        }
      }
    }),
  command: (home, prompt) => [home.bin('opencode'), 'run', prompt],
  env: () => ({}),
  because: {
    'step-up':
      'it asks on its screen whether to sign in again, where this lab does not reliably answer',
    'level too low':
      'it meets a 403 by a sign-in of its own even when the token stands in its settings, and tells its model only how that ended',
    'wrong token':
      'in a run without a person, tools of a server that refuses it are missing without a word (`opencode mcp list` says it)'
  },
  // The second time it asks whether to sign in again; Yes is chosen.
  signIn: ({ bin }) => ({
    command: typedAtTerminal(`${bin('opencode')} mcp auth gmail`, [ENTER]),
    until: /[Ss]uccessfully authenticated|[Aa]uthentication (was )?successful/
  })
})
