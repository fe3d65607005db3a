import { expect, test } from 'vitest';
import { presentClusterDns } from './cluster-dns.ts';

test('the words of CoreDNS are read, of the present and of before 1.11', () => {
  const present = [
    '# HELP coredns_cache_entries The number of elements in the cache.',
    'coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",view="",zone="."} 7',
    'coredns_dns_requests_total{family="1",proto="tcp",server="dns://:53",type="A",view="",zone="."} 2',
    'coredns_cache_entries{server="dns://:53",type="denial",view="",zones="."} 1',
    'coredns_cache_entries{server="dns://:53",type="success",view="",zones="."} 4',
    'coredns_cache_requests_total{server="dns://:53",view="",zones="."} 6',
    'coredns_cache_hits_total{server="dns://:53",type="success",view="",zones="."} 3',
    'coredns_proxy_request_duration_seconds_count{proxy_name="forward",rcode="NOERROR",to="192.0.2.1:53"} 2',
    'coredns_proxy_request_duration_seconds_count{proxy_name="forward",rcode="NXDOMAIN",to="192.0.2.1:53"} 1',
    'coredns_proxy_healthcheck_failures_total{proxy_name="forward",to="192.0.2.2:53"} 1e+00',
  ].join('\n');
  expect(presentClusterDns('10.0.0.2:9153', present)).toEqual({
    address: '10.0.0.2:9153',
    problem: null,
    questions: 9,
    cache: { entries: 5, requests: 6, hits: 3 },
    upstreams: [
      { address: '192.0.2.1:53', questions: 3, failures: 0 },
      { address: '192.0.2.2:53', questions: 0, failures: 1 },
    ],
  });
  expect(presentClusterDns('a', 'coredns_forward_requests_total{to="[2001:db8::1]:53"} 4').upstreams).toEqual(
    [{ address: '[2001:db8::1]:53', questions: 4, failures: 0 }],
  );
  expect(presentClusterDns('a', 'nonsense{ 1\ncoredns_cache_entries NaN')).toMatchObject({
    cache: { entries: 0 },
  });
});
