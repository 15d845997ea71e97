/** Runs the bundled program of a worker with the bytecode that the build kept beside it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileProgram } from './compile-program.ts'

const { dirname } = import.meta

compileProgram(join(dirname, 'program.cjs'), readFileSync(join(dirname, 'program.bytecode'))).run()
