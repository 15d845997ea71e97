import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  ACCESS_LEVELS,
  googleScopesFor,
  highestLevel,
  levelGrantedBy
} from '#shared/access-levels.ts'
import { TOOL_NAMES } from '#shared/tool-names.ts'
import { MCP_SDK_VERSION, VERSION } from '#shared/version.ts'
import { TOOLS } from '../worker/tools/catalog.ts'

t.test('the words that both sides share are true', async (t) => {
  const { version, dependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  )
  t.equal(VERSION, version, 'the version is the one of package.json')
  t.equal(MCP_SDK_VERSION, dependencies['@modelcontextprotocol/server'])
  t.same(
    TOOLS.map(({ name }) => name),
    TOOL_NAMES,
    'the tool names are those of the tools'
  )
})

t.test('a level is granted when Google granted all that it needs, and not otherwise', async (t) => {
  for (const level of ACCESS_LEVELS) t.equal(levelGrantedBy(googleScopesFor(level)), level)
  t.equal(levelGrantedBy(['openid', 'email']), undefined)
  t.equal(levelGrantedBy(['https://mail.google.com/']), 'gmail.modify', 'full needs settings too')
  t.equal(highestLevel(['openid', 'gmail.read', 'gmail.modify']), 'gmail.modify')
  t.equal(highestLevel(['openid']), undefined)
})
