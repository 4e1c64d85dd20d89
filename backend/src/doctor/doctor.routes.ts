import { defineRoute, type Route } from '../core/http/route.ts'
import { doctorReportSchema } from './doctor.schema.ts'
import type { DoctorService } from './doctor.service.ts'

export function doctorRoutes(deps: { doctor: DoctorService }): Route[] {
  return [
    defineRoute(
      {
        method: 'get',
        path: '/api/doctor',
        summary: 'Looks at this installation and everything it stands on, and says what to mend',
        description:
          'Configuration, files, disk, clocks, engines, databases, schema, moves. Takes a few seconds; changes nothing.',
        tags: ['System'],
        access: 'admin',
        responses: { 200: doctorReportSchema },
      },
      async ({ res }) => {
        res.setHeader('Cache-Control', 'no-store')
        return deps.doctor.examine()
      },
    ),
  ]
}
