export { CancelButton, OperationItem } from './components/operation-item.tsx';
export { OperationsButton, OperationsPanel } from './components/operations-panel.tsx';
export { StatusGlyph } from './components/status-glyph.tsx';
export { StepArc, StepBar } from './components/step-arc.tsx';
export { OperationsProvider, useOperations } from './hooks/use-operations.tsx';
export { operationText } from './text.ts';
