import * as z from 'zod'

const Lock = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ dev: z.boolean().optional() }))
})

/**
 * The lock file of what is published: the releases that were tested, of what runs alone. npm follows it under the name
 * npm-shrinkwrap.json when the package is installed
 * (https://docs.npmjs.com/cli/v11/configuring-npm/npm-shrinkwrap-json).
 */
export function publishedLock(text: string, manifest: object): object {
  const lock = Lock.parse(JSON.parse(text))
  const kept = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev)
  return { ...lock, packages: { '': manifest, ...Object.fromEntries(kept) } }
}
