/** A worker like the real one, whose program has the bench's two tools as well. */
import '../../../worker/zod-config.ts'
import { runWorker } from '../../../worker/runtime.ts'
import { createBenchProgram } from '../bench-program.ts'

runWorker('bench', createBenchProgram)
