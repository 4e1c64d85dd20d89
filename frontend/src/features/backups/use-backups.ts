import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../../lib/api/client.ts'
import { ApiError, problemToError } from '../../lib/api/problem.ts'
import { toast } from '../../ui/toast.tsx'

const FOLLOW_MS = 1000
const IDLE_MS = 30_000

const backupsQuery = queryOptions({
  queryKey: ['backups'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/backups', { signal })),
  refetchInterval: ({ state }) => (state.data?.operation || isRestarting(state.error) ? FOLLOW_MS : IDLE_MS),
  retry: false,
})

/** The server answers for the product, or is starting again. */
export const isRestarting = (error: Error | null): boolean =>
  error instanceof ApiError && (error.code === 'maintenance' || error.status === 0)

/** Every backup, and what is under way. */
export function useBackups() {
  return useQuery(backupsQuery)
}

/** Something that is done at once or begun; the list is asked for anew. */
export function useAction<Input = void>(
  run: (input: Input) => Promise<unknown>,
  done?: (input: Input) => string,
) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: run,
    onSuccess: (_answer, input) => {
      if (done) toast.done(done(input))
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['backups'] }),
  })
}

/** What going back to a backup would lose; counted when somebody asks. */
export function useLoss(name: string) {
  return useQuery({
    queryKey: ['backup-loss', name],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/backups/{name}/loss', { params: { path: { name } }, signal })),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  })
}

/** Sends a file of any size and tells how far it is: a fetch cannot. */
export function useUpload() {
  const [share, setShare] = useState<number | null>(null)
  const upload = useAction(
    (file: File) =>
      new Promise<void>((resolve, reject) => {
        const request = new XMLHttpRequest()
        request.open('POST', `/api/backups/upload?name=${encodeURIComponent(file.name)}`)
        request.setRequestHeader('content-type', 'application/x-tar')
        request.upload.onprogress = ({ loaded, total }) => setShare(total > 0 ? loaded / total : null)
        request.onload = () => {
          if (request.status === 201) resolve()
          else reject(problemToError(request.status, parse(request.responseText), null))
        }
        request.onerror = () =>
          reject(new ApiError({ status: 0, code: 'unreachable', message: 'The upload was cut off' }))
        request.onloadend = () => setShare(null)
        request.send(file)
      }),
  )
  return { upload, share }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page; its status is all there is to say.
    return null
  }
}
