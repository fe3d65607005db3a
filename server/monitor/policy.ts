import {
  admin,
  inherited,
  member,
  type Policies,
  type RequestContext,
  type Rule,
  type TeamRole,
  viewer,
} from '@skyarc/server/host';

interface Owned {
  readonly teamId?: string | null;
  readonly input?: { readonly teamId?: string | null };
}

/** A role in the team that is named; without one it is about the platform, which is for administrators. */
function ofTeam(role: TeamRole): Rule {
  const inTeam = member(role, (_parent, args: Owned) => ({ id: teamOf(args) ?? '' }));
  return {
    name: `${inTeam.name} or admin`,
    check: (parent, args: Owned, context) => (teamOf(args) ? inTeam : admin).check?.(parent, args, context),
  };
}

const teamOf = ({ teamId, input }: Owned) => input?.teamId ?? teamId;
const reader = ofTeam('VIEWER');
const developer = ofTeam('DEVELOPER');
const appDeveloper = member(
  'DEVELOPER',
  async (_parent, args: { appId: string }, { dataCenters }: RequestContext) => {
    const name = await dataCenters.findAppTeam(args.appId);
    return name === null ? null : { name };
  },
);

const open = (fields: string) => Object.fromEntries(fields.split(' ').map((field) => [field, inherited]));

/** Data centres answer reads only for the viewer's teams; what is asked of one team needs a place in it. */
export const policies: Policies = {
  Query: {
    metrics: viewer,
    queryMetrics: reader,
    // Without a team these are of all of the viewer's own.
    alerts: {
      name: 'viewer or member VIEWER',
      check: (parent, args: Owned, context) => (args.teamId ? reader : viewer).check?.(parent, args, context),
    },
    alertRules: reader,
    alertReceivers: reader,
    silences: reader,
    messages: viewer,
    unreadMessages: viewer,
  },
  Mutation: {
    setMetricsEndpoint: appDeveloper,
    saveAlertRule: developer,
    deleteAlertRule: developer,
    saveAlertReceiver: developer,
    deleteAlertReceiver: developer,
    testAlertReceiver: developer,
    createSilence: developer,
    endSilence: developer,
    markMessagesRead: viewer,
  },
  App: { id: inherited, metricsEndpoints: viewer },
  Metrics: open('series markers warnings'),
  MetricSeries: open('chart name times values'),
  MetricMarker: open('operationId appId kind status at'),
  MetricsEndpoint: open('port path intervalSec targets'),
  MetricsTarget: open('pod isUp'),
  Alert: open('id name severity state summary teamName appId labels startedAt'),
  AlertLabel: open('name value'),
  AlertRule: open('id isDefault teamName name expression forSec severity summary enabled problem'),
  AlertReceiver: open(
    'id teamName name kind mail channel language hasSecret minSeverity enabled lastSentAt lastError',
  ),
  MailSettings: open('host port tls username from to'),
  Silence: open('id teamName matchers comment createdBy startsAt endsAt'),
  Message: open('id teamName appId alertName severity status summary startedAt endedAt isRead'),
  MessagePage: open('items next'),
};
