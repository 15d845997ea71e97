import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

/** A bundled program, compiled and not yet run. */
export interface CompiledProgram {
  /** Runs it. Call it once. */
  run(): void
  /** V8's bytecode of all that has been compiled so far. */
  bytecode(): Buffer
}

/**
 * Compiles a bundle of CommonJS from `file`, with the bytecode that an earlier process kept. V8 compares
 * version, flags and source, and compiles anew what does not fit. Node's own compile cache does the same,
 * but wants to write, and has a directory for each user id: a confined worker gets nothing from it.
 */
export function compileProgram(file: string, bytecode: Buffer | undefined): CompiledProgram {
  // The build escapes what is not ASCII, and V8 keeps such a text in half the space.
  const source = readFileSync(file, 'latin1')
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    {
      filename: file,
      cachedData: bytecode
    }
  )
  return {
    run() {
      const module = { exports: {} }
      script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
    },
    bytecode: () => script.createCachedData()
  }
}
