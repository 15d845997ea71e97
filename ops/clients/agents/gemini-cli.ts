import { bearer } from '../bearer.ts'
import { ENTER, typedAtTerminal } from '../sign-in.ts'
import { agent } from './agent.ts'

export const geminiCli = agent({
  name: 'Gemini CLI',
  packages: ['@google/gemini-cli@0.61.0'],
  configure: (home, target) =>
    home.write('.gemini/settings.json', {
      general: { disableAutoUpdate: true, disableUpdateNag: true },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: 'gemini-api-key' } },
      mcpServers: { gmail: { httpUrl: target.url, headers: bearer(target), trust: true } }
    }),
  command: (home, prompt) => [
    ...['node', home.bin('gemini')],
    ...['-m', 'gemini-2.5-flash', '--yolo', '-p', prompt]
  ],
  env: (model) => ({
    GEMINI_API_KEY: 'none',
    GOOGLE_GEMINI_BASE_URL: model,
    GEMINI_CLI_TRUST_WORKSPACE: 'true'
  }),
  because: {
    'step-up':
      'signing in again stands on its screen, where it did not come up in every run of this lab; where it did, it worked',
    'wrong token':
      'in a run without a person, tools of a server that refuses it are missing without a word (`gemini mcp list` says Disconnected)',
    'ended by operator':
      'after a 404 it never initializes anew, with any server: every later call fails until it is started again'
  },
  signIn: ({ bin }) => ({
    command: typedAtTerminal(`env -u CI node ${bin('gemini')}`, [
      '/mcp auth gmail',
      ENTER,
      '',
      '',
      '',
      ENTER
    ]),
    until: /[Ss]uccessfully authenticated|[Aa]uthentication successful/
  })
})
