/**
 * Must be imported before anything makes a schema. All that a worker parses came as JSON, which has no cycles, so
 * zod need not note every value of every parse to find one (the notes live until the next full collection); and
 * most workers parse too little for code that zod generates at the first parse to be worth it.
 */
import { config } from 'zod/v4/core'

config({
  jitless: true,
  memoizer: { attach() {}, guard() {}, alloc: (_schema, _payload, empty) => empty }
})
