import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { live } from './socket.ts'

/** Goes on as somebody else: what an earlier user, or nobody, could see is forgotten first. */
export function useEntered(): (path: string) => void {
  const router = useRouter()
  const queries = useQueryClient()
  return (path) => {
    live.close()
    queries.clear()
    router.history.replace(path)
  }
}
