/** What runs in the thread that reads hostile documents. It has no token, no environment and no network use. */
import { documentText } from './document-text.ts'
import { type DocumentText, UnreadableDocument } from './limits.ts'

/** A file that cannot be read is an answer: errors lose their kind between threads. */
export type ReadDocument = DocumentText | { readonly unreadable: string }

export interface DocumentTasks {
  readDocument(bytes: Uint8Array): Promise<ReadDocument>
}

export const readDocument: DocumentTasks['readDocument'] = async (bytes) => {
  try {
    return await documentText(bytes)
  } catch (error) {
    if (error instanceof UnreadableDocument) return { unreadable: error.message }
    // Whatever a library stumbles over, it is the file.
    return { unreadable: 'The file is broken, or made in a way that is not known here.' }
  }
}
