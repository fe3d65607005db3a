import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { AppError } from '@skyarc/lib/errors';

/** How answers of shards to one expression become the answer to all. */
export type Merge =
  /** Every series is in one shard. */
  | { readonly kind: 'union' }
  | { readonly kind: 'sum' | 'min' | 'max' | 'group' }
  /** Asked as two expressions: the sum and the count. */
  | { readonly kind: 'avg'; readonly sum: string; readonly count: string }
  | { readonly kind: 'topk' | 'bottomk'; readonly k: number; readonly grouping: Grouping };

export interface Grouping {
  readonly mode: 'by' | 'without';
  readonly labels: readonly string[];
}

export interface PushDown {
  readonly merge: Merge;
  /** Seconds before its time that the expression looks at, at most. */
  readonly reachSec: number;
}

/** Functions whose every result follows from one series. */
const perSeries = new Set(
  'abs ceil floor round clamp clamp_min clamp_max exp ln log2 log10 sqrt sgn deg rad rate irate increase delta idelta deriv predict_linear holt_winters changes resets timestamp avg_over_time min_over_time max_over_time sum_over_time count_over_time quantile_over_time stddev_over_time stdvar_over_time last_over_time present_over_time'.split(
    ' ',
  ),
);
const lookbackSec = 300;

/** Whether and how shards can answer an expression each for themselves; null when it needs all series in one place. */
export function planOf(expression: string): PushDown | null {
  const root = find(expression);
  // What this grammar does not know, Prometheus still may.
  if (!root) return null;
  const text = (node: SyntaxNode) => expression.slice(node.from, node.to);
  const reachSec = durationsOf(root, text).reduce((sum, seconds) => sum + seconds, lookbackSec);
  if (!areShardsOwn(root, text)) return null;
  const top = unwrap(root);
  if (top.name !== 'AggregateExpr') {
    return isPerSeries(top, text) ? { merge: { kind: 'union' }, reachSec } : null;
  }
  const op = top.getChild('AggregateOp');
  const body = top.getChild('FunctionCallBody');
  if (!op || !body) return null;
  const inner = childrenOf(body);
  const vector = inner.at(-1);
  if (!vector || !isPerSeries(vector, text)) return null;
  const name = text(op).toLowerCase();
  const merge = mergeOf(name, {
    parameter: inner.length === 2 && inner[0] ? text(inner[0]) : undefined,
    grouping: groupingOf(top, text),
    withOp: (other) => `${expression.slice(0, op.from)}${other}${expression.slice(op.to)}`,
  });
  return merge && { merge, reachSec };
}

/** The same expression over the series of one namespace alone. Throws INVALID for what is no expression. */
export function scopeTo(namespace: string, expression: string): string {
  const places: { at: number; isEmpty: boolean; hasBraces: boolean }[] = [];
  const root = find(expression);
  if (!root)
    throw new AppError('INVALID', 'Cannot read the expression: it is not PromQL as it is known here');
  root.cursor().iterate(({ name, node }) => {
    if (name !== 'VectorSelector') return;
    const matchers = node.getChild('LabelMatchers');
    if (!matchers) places.push({ at: node.to, isEmpty: true, hasBraces: false });
    else places.push({ at: matchers.from + 1, isEmpty: !matchers.firstChild, hasBraces: true });
  });
  const matcher = `namespace=${JSON.stringify(namespace)}`;
  let scoped = expression;
  for (const { at, isEmpty, hasBraces } of places.toSorted((left, right) => right.at - left.at)) {
    const added = hasBraces ? `${matcher}${isEmpty ? '' : ','}` : `{${matcher}}`;
    scoped = `${scoped.slice(0, at)}${added}${scoped.slice(at)}`;
  }
  return scoped;
}

/** Null for what is no expression. */
function find(expression: string): SyntaxNode | null {
  const { topNode } = parser.parse(expression);
  let isFine = true;
  topNode.cursor().iterate(({ type }) => {
    if (type.isError) isFine = false;
  });
  return isFine ? topNode.firstChild : null;
}

function mergeOf(
  name: string,
  about: {
    readonly parameter: string | undefined;
    readonly grouping: Grouping;
    readonly withOp: (op: string) => string;
  },
): Merge | null {
  const { parameter, grouping, withOp } = about;
  if (name === 'sum' || name === 'min' || name === 'max' || name === 'group') return { kind: name };
  if (name === 'count') return { kind: 'sum' };
  if (name === 'avg') return { kind: 'avg', sum: withOp('sum'), count: withOp('count') };
  if ((name === 'topk' || name === 'bottomk') && /^\d+$/.test(parameter ?? '')) {
    return { kind: name, k: Number(parameter), grouping };
  }
  return null;
}

function groupingOf(aggregate: SyntaxNode, text: (node: SyntaxNode) => string): Grouping {
  const modifier = aggregate.getChild('AggregateModifier');
  const list = modifier?.getChild('GroupingLabels');
  return {
    mode: modifier?.getChild('Without') ? 'without' : 'by',
    labels: list ? list.getChildren('LabelName').map(text) : [],
  };
}

/** Every selector names a metric that targets have; what rules record is in no shard. */
function areShardsOwn(root: SyntaxNode, text: (node: SyntaxNode) => string): boolean {
  let isOwn = true;
  root.cursor().iterate(({ name, node }) => {
    if (name === 'StepInvariantExpr') isOwn = false;
    if (name !== 'VectorSelector') return;
    const metric = node.getChild('Identifier');
    if (!metric || text(metric).includes(':') || text(metric).startsWith('ALERTS')) isOwn = false;
    if (text(node).includes('__name__')) isOwn = false;
  });
  return isOwn;
}

function isPerSeries(node: SyntaxNode, text: (node: SyntaxNode) => string): boolean {
  const own = unwrap(node);
  const children = childrenOf(own);
  switch (own.name) {
    case 'VectorSelector':
    case 'MatrixSelector':
      return true;
    case 'OffsetExpr':
    case 'SubqueryExpr':
    case 'UnaryExpr': {
      const inner = children.find((child) => isVector(child));
      return inner !== undefined && isPerSeries(inner, text);
    }
    case 'FunctionCall': {
      const called = own.getChild('FunctionIdentifier');
      const body = own.getChild('FunctionCallBody');
      if (!called || !body || !perSeries.has(text(called))) return false;
      const [vectors, others] = [childrenOf(body).filter(isVector), childrenOf(body)];
      return (
        vectors.length === 1 &&
        isPerSeries(vectors[0] as SyntaxNode, text) &&
        others.every((child) => isVector(child) || isNumber(child))
      );
    }
    case 'BinaryExpr': {
      const [left, right] = [own.firstChild, own.lastChild];
      if (!left || !right || own.getChild('MatchingModifierClause')) return false;
      if (isNumber(left)) return isPerSeries(right, text);
      return isNumber(right) && isPerSeries(left, text);
    }
    default:
      return false;
  }
}

function unwrap(node: SyntaxNode): SyntaxNode {
  return node.name === 'ParenExpr' && node.firstChild ? unwrap(node.firstChild) : node;
}

const isNumber = (node: SyntaxNode): boolean => unwrap(node).name === 'NumberDurationLiteral';
const isVector = (node: SyntaxNode): boolean =>
  /^(VectorSelector|MatrixSelector|OffsetExpr|SubqueryExpr|UnaryExpr|FunctionCall|BinaryExpr|AggregateExpr)$/.test(
    unwrap(node).name,
  );

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

const secondsOf: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

function durationsOf(root: SyntaxNode, text: (node: SyntaxNode) => string): number[] {
  const found: number[] = [];
  root.cursor().iterate(({ name, node }) => {
    if (name !== 'NumberDurationLiteralInDurationContext') return;
    const parts = text(node).matchAll(/(\d+)(ms|[smhdwy])/g);
    found.push(
      [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (secondsOf[unit ?? ''] ?? 0), 0),
    );
  });
  return found;
}
