import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { run } from './run.ts'

/** A package that is installed, or bundled, where the service runs. */
export const ThirdParty = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  path: z.string()
})
export type ThirdParty = z.infer<typeof ThirdParty>

/** All packages that ship with the service, by name. Needs `npm ci` to have run in `root`. */
export async function thirdParties(root: string): Promise<ThirdParty[]> {
  const found = z
    .array(z.looseObject({ path: z.string() }))
    .parse(JSON.parse(await run('npm', ['query', '.prod'], root)))
  return found
    .filter(({ path }) => path !== root)
    .map((each) => ThirdParty.parse(each))
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en'))
}

/** Their licences, with the texts that they ask to be passed on. */
export async function licencesOf(packages: readonly ThirdParty[]): Promise<string> {
  const entries = await Promise.all(
    packages.map(async ({ name, version, license, path }) =>
      [`${name} ${version} (${license})`, '', await textsIn(path)].join('\n').trimEnd()
    )
  )
  return `${entries.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

async function textsIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) =>
    /^(licen[cs]e|notice|copying)/i.test(name)
  )
  const texts = await Promise.all(
    names.toSorted().map((name) => readFile(join(directory, name), 'utf8').catch(() => ''))
  )
  return texts.map((text) => text.trim()).join('\n\n')
}
