import { ApiError } from '../../lib/api/problem.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Card, CardBody, CardHeader } from '../../ui/card.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ContainerStatus, EndpointStatusBadge } from '../../ui/fleet-status.tsx'
import { FormError } from '../../ui/form-error.tsx'
import { Meter } from '../../ui/meter.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

const FAILED = new ApiError({
  status: 500,
  code: 'internal',
  message: 'Something went wrong on the server',
  requestId: 'req-7f3a',
})
const DENIED = new ApiError({
  status: 403,
  code: 'forbidden',
  message: 'Only an admin may read the audit log',
})

export function Feedback() {
  return (
    <Card>
      <CardHeader title="Status and states" />
      <CardBody className="grid gap-3">
        <div className="flex flex-wrap items-center gap-2">
          <Status tone="ok">ok</Status>
          <Status tone="warn">warning</Status>
          <Status tone="critical">critical</Status>
          <Status tone="info">info</Status>
          <Status tone="unknown">unknown</Status>
          <Badge>badge</Badge>
          <ContainerStatus state="running" health="healthy" />
          <ContainerStatus state="running" health="unhealthy" />
          <ContainerStatus state="restarting" health="none" />
          <ContainerStatus state="exited" health="none" exitCode={137} />
          <EndpointStatusBadge status="down" look="soft" />
        </div>
        <div className="grid grid-cols-3 gap-3">
          <Meter ratio={0.4} label="40 %" />
          <Meter ratio={0.86} label="86 %" />
          <Meter ratio={0.97} label="97 %" />
        </div>
        <p className="flex items-center gap-2 text-sm">
          <Time at="2026-11-21T03:04:05.000Z" /> · <Time at="2026-11-21T03:04:05.000Z" show="exact" />
          <CopyButton text="copied" />
        </p>
        <div className="flex gap-2">
          <Button onClick={() => toast.done('nas was saved')}>Toast</Button>
          <Button onClick={() => toast.error('nas could not be saved')}>Error toast</Button>
        </div>
        <FormError message="User name or password is not right" />
        <Skeleton className="h-10" />
        <EmptyState title="No containers yet" command="docker run -d nginx">
          They appear here as soon as they start.
        </EmptyState>
        <ErrorState error={FAILED} onRetry={() => toast.done('Tried again')} />
        <ErrorState error={DENIED} />
      </CardBody>
    </Card>
  )
}
