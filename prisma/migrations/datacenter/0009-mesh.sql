-- AlterTable
ALTER TABLE "App" ADD COLUMN "mesh" TEXT;
