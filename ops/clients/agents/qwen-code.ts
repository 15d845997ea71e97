import { bearer } from '../bearer.ts'
import { DOWN, ENTER, typedAtTerminal } from '../sign-in.ts'
import { agent } from './agent.ts'

export const qwenCode = agent({
  name: 'Qwen Code',
  packages: ['@qwen-code/qwen-code@0.24.4'],
  configure: (home, target) =>
    home.write('.qwen/settings.json', {
      general: { disableAutoUpdate: true, enableAutoUpdate: false },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: 'openai' } },
      // Else the tools are hidden behind a search for tools.
      tools: { toolSearch: { enabled: false } },
      mcpServers: { gmail: { httpUrl: target.url, headers: bearer(target), trust: true } }
    }),
  command: (home, prompt) => ['node', home.bin('qwen'), '--yolo', '-p', prompt],
  env: (model) => ({
    OPENAI_API_KEY: 'none',
    OPENAI_BASE_URL: `${model}/v1`,
    OPENAI_MODEL: 'stand-in'
  }),
  because: {
    'wrong token':
      'in a run without a person, tools of a server that refuses it are missing without a word (its screen says that the server is offline)',
    'level too low':
      'it takes a 403 for a broken connection, and tells its model that the call may have been made, without the words of the server',
    'step-up':
      'signing in again stands in another menu of its screen, which this lab does not drive',
    'ended by operator':
      'it begins a new session after a 404, but does not repeat the call that met it, whatever the tool'
  },
  signIn: ({ bin }) => ({
    command: typedAtTerminal(`env -u CI node ${bin('qwen')}`, [
      '/mcp',
      ENTER,
      '',
      ENTER,
      DOWN,
      DOWN,
      ENTER
    ]),
    until: /[Ss]uccessfully authenticated|[Aa]uthentication (was )?successful|[Cc]onnected|[Rr]eady/
  })
})
