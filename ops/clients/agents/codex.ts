import { agent } from './agent.ts'

export const codex = agent({
  name: 'Codex',
  packages: ['@openai/codex@0.169.0'],
  configure: (home, { url, token }, model) =>
    home.write(
      '.codex/config.toml',
      [
        'model = "stand-in"',
        'model_provider = "standin"',
        'check_for_update_on_startup = false',
        '[analytics]',
        'enabled = false',
        '[model_providers.standin]',
        'name = "stand-in"',
        `base_url = "${model}/v1"`,
        'env_key = "MODEL_KEY"',
        'wire_api = "responses"',
        '[mcp_servers.gmail]',
        `url = "${url}"`,
        ...(token === undefined ? [] : [`http_headers = { Authorization = "Bearer ${token}" }`]),
        ''
      ].join('\n')
    ),
  command: (home, prompt) => [
    home.bin('codex'),
    ...['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt]
  ],
  env: (_model, home) => ({ CODEX_HOME: `${home.directory}/.codex`, MODEL_KEY: 'none' }),
  because: {
    'level too low':
      'of a 403 it tells its model "Insufficient scope", and leaves out the level and the words of the server'
  },
  signIn: ({ bin }) => ({
    // It would rather name its document on the internet, which a lab does without.
    command: [bin('codex'), 'mcp', 'login', 'gmail', '--oauth-client-registration', 'dcr']
  })
})
