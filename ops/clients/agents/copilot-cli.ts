import { bearer } from '../bearer.ts'
import { ENTER, typedAtTerminal } from '../sign-in.ts'
import { agent } from './agent.ts'

export const copilotCli = agent({
  name: 'Copilot CLI',
  packages: ['@github/copilot@1.0.102'],
  configure: (home, target) =>
    home.write('.copilot/mcp-config.json', {
      mcpServers: {
        gmail: { type: 'http', url: target.url, headers: bearer(target), tools: ['*'] }
      }
    }),
  command: (home, prompt) => [
    ...['node', home.bin('copilot')],
    ...['-p', prompt, '--allow-all-tools', '--no-auto-update', '--log-level', 'none']
  ],
  env: (model) => ({
    COPILOT_PROVIDER_BASE_URL: `${model}/v1`,
    COPILOT_PROVIDER_API_KEY: 'none',
    COPILOT_MODEL: 'stand-in',
    COPILOT_OFFLINE: 'true'
  }),
  because: {
    'level too low':
      'a 403 is "Re-authentication required" to its model, without the level and the words of the server',
    'wrong token':
      'in a run without a person, tools of a server that refuses it are missing without a word',
    'sign-in': 'it signs in on its own screen only, where this lab did not get it to the end',
    'step-up': 'it signs in on its own screen only, where this lab did not get it to the end'
  },
  signIn: ({ bin }) => ({
    command: typedAtTerminal(`env -u CI node ${bin('copilot')}`, ['/mcp auth gmail', ENTER]),
    until: /[Ss]uccessfully authenticated|[Aa]uthentication (was )?successful|[Cc]onnected|[Rr]eady/
  })
})
