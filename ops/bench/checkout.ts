import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import type { BenchPlace } from './bench-place.ts'

/** A build of the project with its packages, whose gateway and workers the bench runs. */
export interface Checkout extends AsyncDisposable {
  readonly place: BenchPlace
  /** Its directory. */
  readonly root: string
  /** Its module of the bench with this name, which must have kept what it promises. */
  module(name: 'worker-launcher'): Promise<typeof import('./worker-launcher.ts')>
  /** What starts its gateway. */
  readonly gateway: { readonly program: string; readonly startFlags: readonly string[] }
}

const Package = z.object({ scripts: z.object({ start: z.string() }) })

/** Why a directory cannot be compared with, and what to do; undefined when it can. */
export function whyNoCheckout(directory: string): string | undefined {
  const root = resolve(directory)
  if (!existsSync(join(root, 'ops/bench/bench-place.ts')))
    return `${root} is no checkout of this project with a bench; give one: git worktree add <directory> <commit>.`
  if (!existsSync(join(root, 'node_modules'))) return `${root} has no packages; run npm ci in it.`
  return undefined
}

/** Opens a checkout and bundles its programs by its own means. */
export async function openCheckout(directory: string): Promise<Checkout> {
  const root = resolve(directory)
  const load = (name: string) => import(pathToFileURL(join(root, `ops/bench/${name}.ts`)).href)
  const { openBenchPlace }: typeof import('./bench-place.ts') = await load('bench-place')
  const { scripts } = Package.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  const place = await openBenchPlace()
  return {
    place,
    root,
    module: load,
    gateway: {
      program: join(root, 'ops/bench/processes/gateway.ts'),
      startFlags: scripts.start.split(' ').filter((word) => word.startsWith('--'))
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]()
  }
}
