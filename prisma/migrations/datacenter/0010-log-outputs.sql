-- CreateTable
CREATE TABLE "LogOutput" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "teamName" TEXT,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "settings" TEXT NOT NULL,
    "secret" TEXT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "lastSentAt" DATETIME,
    "lastError" TEXT,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateTable
CREATE TABLE "LogOutputCursor" (
    "outputId" TEXT NOT NULL,
    "appId" TEXT NOT NULL,
    "cursor" BIGINT NOT NULL,

    PRIMARY KEY ("outputId", "appId"),
    CONSTRAINT "LogOutputCursor_outputId_fkey" FOREIGN KEY ("outputId") REFERENCES "LogOutput" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "LogOutput_teamName_idx" ON "LogOutput"("teamName");
