import { bearer } from '../bearer.ts'
import { atTerminal } from '../sign-in.ts'
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
  signIn: ({ bin }) => ({ command: atTerminal(`${bin('opencode')} mcp auth gmail`) })
})
