-- CreateTable
CREATE TABLE "TerminalSession" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT NOT NULL,
    "appId" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "remoteAddress" TEXT,
    "pod" TEXT NOT NULL,
    "container" TEXT NOT NULL,
    "command" TEXT NOT NULL DEFAULT '[]',
    "debug" BOOLEAN NOT NULL DEFAULT false,
    "instance" TEXT NOT NULL,
    "startedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "endedAt" DATETIME,
    "end" TEXT,
    "message" TEXT,
    "exitCode" INTEGER,
    "bytesIn" BIGINT NOT NULL DEFAULT 0,
    "bytesOut" BIGINT NOT NULL DEFAULT 0,
    "recordingBytes" BIGINT
);

-- CreateIndex
CREATE INDEX "TerminalSession_appId_startedAt_idx" ON "TerminalSession"("appId", "startedAt");

-- CreateIndex
CREATE INDEX "TerminalSession_teamName_startedAt_idx" ON "TerminalSession"("teamName", "startedAt");

-- CreateIndex
CREATE INDEX "TerminalSession_instance_endedAt_idx" ON "TerminalSession"("instance", "endedAt");
