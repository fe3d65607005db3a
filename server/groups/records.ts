export interface GroupRecord {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  readonly note: string;
  readonly createdAt: Date;
}

export interface TeamReference {
  readonly id: string;
}
