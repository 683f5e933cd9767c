"""Repairs what lost events left unrecorded. Started by the clock."""
