import { fileURLToPath } from 'node:url'

/**
 * The file of another module of this program, for whoever starts it as a process or a thread: `path` without its
 * extension, from the module at the URL `from`. TypeScript where the source runs, JavaScript where it was compiled.
 */
export const moduleFile = (path: string, from: string): string =>
  fileURLToPath(new URL(`${path}${from.endsWith('.ts') ? '.ts' : '.js'}`, from))
