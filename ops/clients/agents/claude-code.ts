import { bearer } from '../bearer.ts'
import { atTerminal } from '../sign-in.ts'
import { agent } from './agent.ts'

const env = (model: string) => ({
  ANTHROPIC_BASE_URL: model,
  ANTHROPIC_API_KEY: 'sk-none',
  // Else the tools are hidden behind a search for tools.
  ENABLE_TOOL_SEARCH: 'false'
})

export const claudeCode = agent({
  name: 'Claude Code',
  packages: ['@anthropic-ai/claude-code@2.1.332'],
  configure: (home, target) =>
    home.write('.claude.json', {
      hasCompletedOnboarding: true,
      mcpServers: {
        gmail: {
          type: 'http',
          url: target.url,
          // Even an empty list of headers is another server to it, with other credentials.
          ...(target.token !== undefined && { headers: bearer(target) })
        }
      }
    }),
  command: (home, prompt) => [
    home.bin('claude'),
    ...['-p', prompt, '--model', 'claude-sonnet-4-5', '--allowedTools', 'mcp__gmail']
  ],
  env,
  because: {
    'wrong token':
      'in a run without a person, tools of a server that refuses it are missing without a word (`claude mcp list` says it, with the words of the server)'
  },
  signIn: ({ bin }) => ({ command: atTerminal(`${bin('claude')} mcp login gmail`) })
})
