import { fileURLToPath } from 'node:url'
import { moduleFile } from '#shared/module-file.ts'

/** What the threads run that read HTML and documents. */
export interface ThreadFiles {
  readonly threadFile: string
  readonly documentThreadFile: string
}

/** Bundles lie in one directory; modules, in TypeScript or compiled, where the source has them. */
export const threadFiles = (): ThreadFiles => {
  const here = import.meta.url
  if (/\.[jt]s$/.test(here))
    return {
      threadFile: moduleFile('./html-tasks', here),
      documentThreadFile: moduleFile('./documents/document-tasks', here)
    }
  return {
    threadFile: fileURLToPath(new URL('mime-thread.mjs', here)),
    documentThreadFile: fileURLToPath(new URL('document-thread.mjs', here))
  }
}
