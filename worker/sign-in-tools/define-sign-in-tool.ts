import type * as z from 'zod'
import { defineTool, type Tool, type ToolSpec } from '../tool-kit/define-tool.ts'
import type { SignInCall } from './sign-in-call.ts'

/** A tool that works without any access to mail. */
export type SignInTool = Omit<Tool<SignInCall>, 'level' | 'levelOf'>

type Spec<I extends z.ZodObject, O extends z.ZodObject> = Omit<
  ToolSpec<I, O, SignInCall>,
  'level' | 'levelOf'
>

/** As `defineTool`, for tools that nobody needs an access level for. */
export function defineSignInTool<I extends z.ZodObject, O extends z.ZodObject>(
  spec: Spec<I, O>
): SignInTool {
  const { level: _, levelOf: __, ...tool } = defineTool({ ...spec, level: 'gmail.read' })
  return tool
}
