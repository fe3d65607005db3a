export interface DataCenterRecord {
  readonly name: string;
}
