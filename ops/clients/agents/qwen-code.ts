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
    until: /[Aa]uthenticat(ed|ion successful)|[Ss]uccessfully/
  })
})
